// Package intake is the door through which posted alerts come in, for both
// versions of Alertmanager's API: it reads a request's body, has it decoded,
// counts what it holds, and hands the valid alerts on.
//
// It must not wait for the cluster, for a peer or for a disk. It knows neither
// the answers' shapes (those are the APIs') nor what becomes of the alerts.
package intake
