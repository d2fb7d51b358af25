// Package silence says what silences are allowed, how one is changed, and which
// alerts they mute.
package silence
