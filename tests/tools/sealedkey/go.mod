module pushpolicy.example/tools/sealedkey

go 1.26

tool pushpolicy.example/tools/sealedkey

require github.com/secure-systems-lab/go-securesystemslib v0.11.0

require (
	golang.org/x/crypto v0.50.0 // indirect
	golang.org/x/sys v0.43.0 // indirect
)
