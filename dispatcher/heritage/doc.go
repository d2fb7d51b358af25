// Package heritage reads what an Alertmanager left in its data folder: its
// silences and its notification log.
//
// It owns the two file formats and what their records become: silences of ours,
// and what receivers were last told as it stands in the ledger. It must not know
// how either gets into the cluster, nor the folder: it is given readers. It never
// writes.
//
// # Damage
//
// Alertmanager refuses to start on a file that ends in the middle of a record.
// Here everything before the damage is taken, and the damage is said, because
// half of the silences are better than none. A record that makes no sense is left
// out with its reason.
//
// # Whose entry is it
//
// Alertmanager knows an integration by its place in the receiver's list, Tocsin
// by what it is; a group by its route and labels, which several routes may share.
// So the log means something only beside a configuration: that with which the
// Alertmanager ran, or one in which the receivers' lists are in the same order.
package heritage
