package answer

import (
	"errors"
	"fmt"
	"net/http"
	"os"
)

// ErrCrowded says that the bodies being worked on are together too large.
var ErrCrowded = errors.New("too many large requests are being read at once; try again in a second")

// BodyFault says what status and sentence answer err, an error of reading a
// request's body. ok is false if err is none of reading: then the body itself
// is bad, and the API says how.
func BodyFault(err error) (status int, sentence string, ok bool) {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge,
			fmt.Sprintf("The request's body is larger than the limit of %d bytes.", tooLarge.Limit), true
	case errors.Is(err, ErrCrowded):
		return http.StatusServiceUnavailable, ErrCrowded.Error(), true
	case errors.Is(err, os.ErrDeadlineExceeded):
		return http.StatusRequestTimeout, "The request's body did not arrive in time.", true
	default:
		return 0, "", false
	}
}
