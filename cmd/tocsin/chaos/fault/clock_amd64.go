package fault

import (
	"encoding/binary"
	"time"
)

// machineCode is a clock_gettime(clock, timespec) for CLOCK_REALTIME with an
// offset: it asks the kernel, and for clock 0 adds seconds and nanoseconds.
var machineCode = func(offset time.Duration) []byte {
	sec, nsec := int64(offset/time.Second), int64(offset%time.Second)
	if nsec < 0 {
		sec--
		nsec += int64(time.Second)
	}
	word := func(v int64) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(v)) }
	var add []byte
	for _, part := range [][]byte{
		{0x49, 0xb8}, word(sec), // mov r8, sec
		{0x4c, 0x01, 0x06},       // add [rsi], r8
		{0x49, 0xb8}, word(nsec), // mov r8, nsec
		{0x4c, 0x03, 0x46, 0x08},                   // add r8, [rsi+8]
		{0x49, 0x81, 0xf8, 0x00, 0xca, 0x9a, 0x3b}, // cmp r8, 1e9
		{0x7c, 0x0a}, // jl over the next two
		{0x49, 0x81, 0xe8, 0x00, 0xca, 0x9a, 0x3b}, // sub r8, 1e9
		{0x48, 0xff, 0x06},                         // inc qword [rsi]
		{0x4c, 0x89, 0x46, 0x08},                   // mov [rsi+8], r8
	} {
		add = append(add, part...)
	}
	code := []byte{
		0xb8, 228, 0, 0, 0, // mov eax, SYS_clock_gettime
		0x0f, 0x05, // syscall
		0x85, 0xc0, // test eax, eax
		0x75, byte(len(add) + 6), // jne to the ret: it failed
		0x85, 0xff, // test edi, edi
		0x75, byte(len(add)), // jne over the addition
	}
	code = append(code, add...)
	return append(code, 0x31, 0xc0, 0xc3) // xor eax, eax; ret
}
