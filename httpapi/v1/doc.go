// Package v1 serves what is still in use of Alertmanager's API v1, which
// Alertmanager itself removed in 0.27: POST /alerts, by which old scripts send
// alerts, and GET /status, by which old runbooks look at the cluster. Its
// other paths answer 410 with Alertmanager's text.
//
// Bodies and answers have the form of Alertmanager 0.16 to 0.26: an object of
// status and data, or of status, errorType and error. The cluster's status is
// given twice: as "clusterStatus", as those versions had it, and as "cluster",
// as many guides write it. As there, the body's Content-Type is not looked at.
package v1
