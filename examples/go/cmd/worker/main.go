// Worker does nothing useful, once every ten seconds, until it is told to stop.
package main

import (
	"context"
	"log"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	tick := time.NewTicker(10 * time.Second)
	for n := 1; ; n++ {
		log.Printf("job %d done", n)
		select {
		case <-tick.C:
		case <-ctx.Done():
			log.Print("SIGTERM: no more jobs")
			return
		}
	}
}
