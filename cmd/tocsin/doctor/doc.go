// Package doctor finds what threads of trouble with Alertmanager and its kin turn
// out to be, and says what to do about each.
//
// It owns what is looked at (Facts of a node, Machine of the computer it runs
// on), how that is measured, and the judgement, which is pure: Diagnose makes
// Checks of facts and nothing else, so every check can be tested with made-up
// ones. It must not know how facts get from one node to another, nor what a node
// is made of: package app fills them in.
//
// Nothing here changes anything but a temporary file in the data folder, and
// nothing is sent to a receiver: a connection is made and closed. Facts hold no
// secret: of a receiver's address only host and port.
package doctor
