package pki

import "errors"

// The reasons for which a certificate is refused.
var (
	// ErrNoCertificate says that the other side showed none.
	ErrNoCertificate = errors.New("no certificate was shown")
	// ErrProvisional says that a node has no certificate of a cluster yet.
	ErrProvisional = errors.New("the node is not a member of a cluster yet")
	// ErrForeign says that a certificate is none of Tocsin's.
	ErrForeign = errors.New("the certificate is not one of a Tocsin node")
	// ErrOtherCluster says that a certificate is of another cluster.
	ErrOtherCluster = errors.New("the certificate is of another cluster")
	// ErrUnknownAuthority says that a certificate claims to be of this cluster,
	// but none of its authorities has signed it.
	ErrUnknownAuthority = errors.New("no authority of the cluster has signed the certificate")
	// ErrExpired says that a certificate's time is over.
	ErrExpired = errors.New("the certificate has expired")
	// ErrRemoved says that a certificate is of a node that was removed.
	ErrRemoved = errors.New("the node was removed from the cluster")
)

// The reasons for which a token is refused.
var (
	// ErrNotToken says that a text is no join token at all.
	ErrNotToken = errors.New("this is not a join token")
	// ErrMistyped says that a token was not copied whole or has a wrong letter.
	ErrMistyped = errors.New("the join token has a typing error, or was not copied whole")
	// ErrNewerToken says that a token was made by a newer version.
	ErrNewerToken = errors.New("the join token was made by a newer version of Tocsin")
	// ErrWrongToken says that the two sides do not know the same secret.
	ErrWrongToken = errors.New("the join token is wrong")
	// ErrTokenExpired says that a token's time is over.
	ErrTokenExpired = errors.New("the join token has expired")
	// ErrTokenUsed says that a token was used as often as it may be.
	ErrTokenUsed = errors.New("the join token has been used")
	// ErrTokenNeeded says that the cluster is closed and no token was shown.
	ErrTokenNeeded = errors.New("the cluster is closed and no join token was shown")
)

var (
	// ErrBadName says that an ID cannot be put into a certificate.
	ErrBadName = errors.New("not an ID that a certificate can hold")
	// ErrBadRequest says that a request for a certificate is malformed.
	ErrBadRequest = errors.New("malformed request for a certificate")
	// ErrMalformed says that kept bytes are not what they should be.
	ErrMalformed = errors.New("malformed")
)

// next is what to do about each reason, for a person at either end.
var next = []struct {
	err  error
	text string
}{
	{ErrRemoved, "to bring it back, stop it and start it with an empty data folder"},
	{ErrExpired, "look at the clocks of both machines; if they are right, give the node a new certificate with `tocsin raft join ADDRESS --token-file FILE` on it"},
	{ErrOtherCluster, "give each cluster its own peers; a node that is to change the cluster starts with an empty data folder"},
	{ErrUnknownAuthority, "if the node was away while the authority was replaced, run `tocsin raft join ADDRESS --token-file FILE` on it; if not, somebody may be in between"},
	{ErrProvisional, "a node gets its certificate when it joins: `tocsin raft join ADDRESS --token-file FILE` on it"},
	{ErrForeign, "nodes with --cluster.tls-config and nodes without it cannot be mixed"},
	{ErrNoCertificate, "a node gets its certificate when it joins: `tocsin raft join ADDRESS --token-file FILE` on it"},
	{ErrMistyped, "copy the file that `tocsin raft token create` wrote"},
	{ErrNotToken, "a token begins with " + prefix + " and is made with `tocsin raft token create`"},
	{ErrNewerToken, "make the token with this version, or upgrade this node"},
	{ErrWrongToken, "make a new one with `tocsin raft token create` on a member; founders all need the same file"},
	{ErrTokenExpired, "make a new one with `tocsin raft token create` on a member"},
	{ErrTokenUsed, "make a new one with `tocsin raft token create` on a member, with --uses if it is for several nodes"},
	{ErrTokenNeeded, "start the node with --cluster.join-token-file, or run `tocsin raft join ADDRESS --token-file FILE` on it; `tocsin raft token create` on a member makes a token"},
}

// Next is what to do about err, "" if that is not known.
func Next(err error) string {
	for _, n := range next {
		if errors.Is(err, n.err) {
			return n.text
		}
	}
	return ""
}
