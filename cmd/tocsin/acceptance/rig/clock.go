package rig

import (
	"sync/atomic"
	"time"
)

// atomicTime is a time that one goroutine sets and others read.
type atomicTime struct{ p atomic.Pointer[time.Time] }

func (a *atomicTime) set(t time.Time) { a.p.Store(&t) }

func (a *atomicTime) get() time.Time {
	if p := a.p.Load(); p != nil {
		return *p
	}
	return time.Time{}
}

// Seconds is a number of seconds as a duration.
func Seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second))
}
