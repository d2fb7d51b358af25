// Package answer writes JSON answers, and turns what can go wrong with any
// request's body into a status and a sentence, for all APIs of package httpapi.
//
// It knows no endpoint and no error shape of its own: each API puts the
// sentence into the shape that its clients expect.
package answer
