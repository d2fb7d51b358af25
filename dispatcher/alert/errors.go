package alert

import "fmt"

// Code is the number in the body of an error answer of Alertmanager's API. Its
// HTTP status is Status.
type Code int32

// The codes that a body of alerts can get.
const (
	// CodeParse: the body is not JSON, or not of the right types.
	CodeParse Code = 400
	// CodeTooLarge: the body is larger than the limit.
	CodeTooLarge Code = 413
	// CodeFormat: a text is not of its format, such as a generatorURL that is
	// no URI.
	CodeFormat Code = 601
	// CodeRequired: the body, or the labels of an alert, are missing.
	CodeRequired Code = 602
)

// Status is the HTTP status of the answer.
func (c Code) Status() int {
	if c >= 600 {
		return 422
	}
	return int(c)
}

// BodyError says that a body was refused as a whole: nothing of it was taken
// in. Error is the message for the client, in Alertmanager's words.
type BodyError struct {
	Code Code
	// Offset is the position in the body, in bytes, or -1 if it is not known.
	Offset  int64
	message string
	cause   error
}

// Error is the message of the answer.
func (e *BodyError) Error() string { return e.message }

// Unwrap is the cause, or nil.
func (e *BodyError) Unwrap() error { return e.cause }

func parseError(offset int64, cause error) *BodyError {
	return &BodyError{
		Code: CodeParse, Offset: offset, cause: cause,
		message: fmt.Sprintf(`parsing alerts body from "" failed, because %s`, cause),
	}
}

func requiredError(name string) *BodyError {
	return &BodyError{Code: CodeRequired, Offset: -1, message: name + " in body is required"}
}
