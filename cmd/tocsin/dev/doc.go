// Package dev is `tocsin dev`: three nodes in one process, on loopback, with
// temporary data and a receiver that prints what it gets.
//
// It owns the demonstration's configuration and what is printed for the person
// who tries it. It must not know how a node is put together; that is app's.
// Nothing of it outlives it: the data folder is removed when it stops.
package dev
