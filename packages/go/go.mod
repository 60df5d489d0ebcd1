module github.com/wxmock/wxmock/packages/go

go 1.23
