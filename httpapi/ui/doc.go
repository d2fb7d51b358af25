// Package ui is the page that a person sees who opens a node in a browser: how
// the cluster stands, what is burning, what is silenced, which configuration is
// in force. It is made on the server, needs no script, and reads well on a
// telephone at night.
//
// It owns its template and style, which are in the program. It only reads, and
// knows the rest of the node through the interfaces in page.go. It shows at
// most maxRows of anything, and says how many more there are. No secret of the
// configuration is on it.
package ui
