// Private keys as cosign writes and reads them, by the library that it does so with: `sealedkey seal` prints
// one under the passphrase in COSIGN_PASSWORD, with its public key, and `sealedkey open` the public key of the
// one on standard input.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
)

func main() {
	run := open
	if len(os.Args) == 2 && os.Args[1] == "seal" {
		run = seal
	}
	if err := run([]byte(os.Getenv("COSIGN_PASSWORD"))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func seal(passphrase []byte) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	sealed, err := encrypted.Encrypt(der, passphrase)
	if err != nil {
		return err
	}
	if err := pem.Encode(os.Stdout, &pem.Block{Type: "ENCRYPTED SIGSTORE PRIVATE KEY", Bytes: sealed}); err != nil {
		return err
	}
	return printPublic(key.Public())
}

func open(passphrase []byte) error {
	content, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return errors.New("no PEM")
	}
	der, err := encrypted.Decrypt(block.Bytes, passphrase)
	if err != nil {
		return err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return err
	}
	return printPublic(key.(*ecdsa.PrivateKey).Public())
}

func printPublic(key any) error {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return err
	}
	return pem.Encode(os.Stdout, &pem.Block{Type: "PUBLIC KEY", Bytes: der})
}
