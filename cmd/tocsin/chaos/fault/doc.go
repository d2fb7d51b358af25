// Package fault breaks things under a real, unmodified process: its disk, its
// clock, its time on the processor, its life. It is for tests, on Linux as root.
//
//   - Disk is a file system of its own, on a loop device, that can be filled and
//     frozen; a data folder on it meets a full or a hanging disk.
//   - FailSync makes fsync and fdatasync of a running process fail, or take long.
//   - Clock moves the wall clock that one running process sees.
//   - Pause and Resume stop and continue a process; Trap does so at a moment of a
//     delivery.
//   - Kill ends a process and waits for its end.
//
// The package knows nothing of the servers that it is used on, and not of
// package testing: everything returns errors.
//
// What holds:
//
//  1. When a function that begins a fault returns without error, the fault is
//     there; when the function that ends it returns, it is over.
//  2. What the machine or the user's rights do not allow is ErrRefused, with what
//     was refused, and nothing is changed.
//  3. A fault does not outlive the process that made it: a frozen disk is thawed
//     and unmounted and a traced process let go when that ends, however it does.
//     A process that is paused, or whose clock was moved, stays so; those who use
//     Pause and Clock start their processes with a parent death signal.
//  4. Processes are addressed by their ID alone; the caller knows that it is one
//     of its own that still runs.
package fault
