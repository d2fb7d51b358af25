package docs

// TopicsIn is Topics of other files.
var TopicsIn = topicsIn
