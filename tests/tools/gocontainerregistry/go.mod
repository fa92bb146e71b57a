module pushpolicy.example/tools/gocontainerregistry

go 1.26

tool pushpolicy.example/tools/gocontainerregistry

require github.com/google/go-containerregistry v0.22.1
