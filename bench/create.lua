-- Creates contacts, one a request, each with a number of its own; the argument says how many numbers are used up.
dofile("done.lua")

local used

function init(args)
  used = tonumber(args[1])
end

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"

function request()
  used = used + 1
  -- As in data.py: each of a hundred million numbers comes once, in no order.
  local number = string.format("+9198%08d", used * 61803399 % 100000000)
  return wrk.format(nil, nil, nil, '{"contacts":[{"number":"' .. number .. '","first_name":"Asha"}]}')
end
