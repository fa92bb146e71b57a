// gocontainerregistry serves the registry that google/go-containerregistry has for tests (as ko, crane and kind use it):
// in memory, without authentication, and without the referrers API unless it is asked for.
//
//	gocontainerregistry PORT [referrers]
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/registry"
)

type answer struct {
	http.ResponseWriter
	status int
}

func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func main() {
	handler := registry.New(
		registry.Logger(log.New(io.Discard, "", 0)),
		registry.WithReferrersSupport(len(os.Args) > 2 && os.Args[2] == "referrers"),
	)
	logged := http.HandlerFunc(func(w http.ResponseWriter, asked *http.Request) {
		given := &answer{ResponseWriter: w, status: http.StatusOK}
		handler.ServeHTTP(given, asked)
		fmt.Printf("%s %s %d\n", asked.Method, asked.URL.RequestURI(), given.status)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], logged))
}
