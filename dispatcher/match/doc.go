// Package match asks whether alerts' labels satisfy lists of matchers, and finds
// quickly which of many lists could be satisfied at all.
//
// It owns the compiled list (Set) and the index over lists by the labels that
// they demand (Index). It is a leaf above alert: it must not know what a match
// means, so silences and inhibition rules share it. Everything in it is
// immutable once built, and free of time.
//
// A label that is missing matches as the empty string, as everywhere in
// Alertmanager but in the API's filters; those are alert.Filter.
package match
