// Package docs holds the pages for operators, which `tocsin help TOPIC` shows.
//
// A page is one Markdown file in this folder; its name without .md is the topic,
// and its first line is its title, behind "# ". Dropping a file here is all that
// it takes. The package knows nothing of the command line.
package docs
