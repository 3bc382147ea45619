-- Asks for pages before an offset, each at another one; the argument is the offset.
dofile("done.lua")

local base, asked, path

function init(args)
  base, asked, path = tonumber(args[1]), 0, wrk.path
end

function request()
  asked = asked + 1
  -- Offset 0 is one page, the first; before the others there are many.
  local offset = base == 0 and 0 or base - asked % 997
  return wrk.format(nil, path .. "&offset=" .. offset)
end
