// gocontainerregistry serves the registry that google/go-containerregistry has for tests (as ko, crane and kind use it):
// in memory, without authentication, and without the referrers API unless it is asked for.
//
//	gocontainerregistry PORT [referrers]
//
// It also finds what refers to an image, as cosign and Kyverno do through that library, a digest a line:
//
//	gocontainerregistry find IMAGE@DIGEST ARTIFACT_TYPE
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
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
	if os.Args[1] == "find" {
		if err := find(os.Args[2], os.Args[3]); err != nil {
			log.Fatal(err)
		}
		return
	}
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

func find(image, artifactType string) error {
	subject, err := name.NewDigest(image)
	if err != nil {
		return err
	}
	index, err := remote.Referrers(subject, remote.WithFilter("artifactType", artifactType))
	if err != nil {
		return err
	}
	found, err := index.IndexManifest()
	if err != nil {
		return err
	}
	for _, entry := range found.Manifests {
		if entry.ArtifactType == artifactType {
			fmt.Println(entry.Digest)
		}
	}
	return nil
}
