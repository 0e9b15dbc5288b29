// Hello is a small web app: it says which release answered, and logs a line per request.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	port := os.Getenv("PORT")
	if port == "" {
		port = "5000"
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", hello)
	mux.HandleFunc("GET /env.json", env)
	server := &http.Server{Addr: ":" + port, Handler: logged(mux), ReadHeaderTimeout: 10 * time.Second}

	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		<-stop.Done()
		log.Print("SIGTERM: finishing the requests under way")
		ctx, cancel := context.WithTimeout(context.Background(), 25*time.Second)
		defer cancel()
		done <- server.Shutdown(ctx)
	}()
	log.Printf("listening on %s", port)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	if err := <-done; err != nil {
		log.Fatal(err)
	}
	log.Print("bye")
}

func hello(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "Hello from Go, release %s, dyno %s\n", or(os.Getenv("HEROKU_RELEASE_VERSION"), "v0"), or(os.Getenv("DYNO"), "local"))
}

func env(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	out := map[string]string{}
	for _, name := range []string{"HEROKU_APP_NAME", "HEROKU_RELEASE_VERSION", "HEROKU_PRIVATE_IP", "DYNO", "GREETING"} {
		out[name] = os.Getenv(name)
	}
	json.NewEncoder(w).Encode(out)
}

func logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		next.ServeHTTP(w, r)
		log.Printf("%s %s took=%s request_id=%s", r.Method, r.URL.Path, time.Since(start).Round(time.Microsecond), r.Header.Get("X-Request-Id"))
	})
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
