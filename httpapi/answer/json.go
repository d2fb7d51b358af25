package answer

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
)

// ContentType is that of all JSON answers; as Alertmanager's, without charset.
const ContentType = "application/json"

// JSON answers v with a newline behind it. Text is not escaped for HTML: the
// placeholder <secret> stays readable. v must be encodable; if it is not, that
// is a defect of the caller and answered with 500.
func JSON(w http.ResponseWriter, status int, v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		http.Error(w, "the answer could not be encoded", http.StatusInternalServerError)
		return
	}
	Bytes(w, status, b.Bytes())
}

// Bytes answers JSON that is encoded already.
func Bytes(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", ContentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone; there is nobody to tell
}
