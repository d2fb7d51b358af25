// Package dispatcher turns alerts into notifications.
package dispatcher
