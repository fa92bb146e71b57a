module shop/app

go 1.23

require example.com/x v1.0.0
