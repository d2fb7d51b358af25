package admin

// AuthorOf is who a version is by.
var AuthorOf = authorOf
