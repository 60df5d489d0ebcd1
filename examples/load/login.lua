-- Logins under load:  wrk -t2 -c20 -d10s -s login.lua http://127.0.0.1:8080 -- 2
-- codes.txt holds one login code a line; the number at the end is that of -t: each thread takes its share, for a code works once.
local threads = 0

function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end

function init(arguments)
  local all = tonumber(arguments[#arguments]) or 1
  codes = {}
  local number = 0
  for line in io.lines("codes.txt") do
    if number % all == id % all then codes[#codes + 1] = line end
    number = number + 1
  end
  assert(#codes > 0, "codes.txt has no code for this thread")
  used = 0
end

function request()
  used = used + 1
  -- Out of codes: this thread is done.
  if used >= #codes then wrk.thread:stop() end
  return wrk.format("POST", "/login", { ["Content-Type"] = "application/json" }, '{"code":"' .. codes[math.min(used, #codes)] .. '"}')
end
