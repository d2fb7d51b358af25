package archive

// Cheap is a key whose passphrase costs little to try.
func Cheap(k Key) Key {
	k.work = 8
	return k
}
