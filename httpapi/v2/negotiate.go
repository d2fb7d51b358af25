package v2

import (
	"mime"
	"net/http"
	"strings"

	"tocsin/httpapi/answer"
)

// jsonBody refuses a body that says it is something else than JSON. A request
// without a body passes; what is missing is said later.
func jsonBody(r *http.Request) error {
	if r.ContentLength == 0 && len(r.TransferEncoding) == 0 {
		return nil
	}
	header := r.Header.Get("Content-Type")
	if header == "" {
		header = "application/octet-stream"
	}
	mediaType, _, err := mime.ParseMediaType(header)
	if err != nil {
		return faultf(http.StatusBadRequest, "parsing Content-Type header from %q failed, because %v", header, err)
	}
	if mediaType != answer.ContentType {
		return faultf(http.StatusUnsupportedMediaType,
			"unsupported media type %q, only [application/json] are allowed", mediaType)
	}
	return nil
}

// acceptable refuses a request that will not have JSON.
func acceptable(r *http.Request) error {
	specs := r.Header.Values("Accept")
	if len(specs) == 0 {
		return nil
	}
	for spec := range strings.SplitSeq(strings.Join(specs, ","), ",") {
		mediaType, params, err := mime.ParseMediaType(strings.TrimSpace(spec))
		if err != nil || strings.Trim(params["q"], "0.") == "" && params["q"] != "" {
			continue
		}
		switch mediaType {
		case answer.ContentType, "application/*", "*/*":
			return nil
		}
	}
	if strings.Join(specs, "") == "" {
		return nil
	}
	return faultf(http.StatusNotAcceptable,
		"unsupported media type requested, only [application/json] are available")
}
