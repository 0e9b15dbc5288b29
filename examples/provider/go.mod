module example.com/provider

go 1.26.1
