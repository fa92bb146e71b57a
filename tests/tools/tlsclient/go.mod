module pushpolicy.example/tools/tlsclient

go 1.26

tool pushpolicy.example/tools/tlsclient
