-- For wrk: posts a request again and again, each time with another number in it, and prints what came back as JSON.
-- Arguments: a file with what stands before the number, one with what stands after it, the first number.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

local function content(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

function init(arguments)
  head, tail, number = content(arguments[1]), content(arguments[2]), tonumber(arguments[3])
  accepted, refused, failed = 0, 0, 0
end

function request()
  number = number + 1
  return head .. string.format("%016d", number) .. tail
end

function response(status)
  if status >= 200 and status < 300 then
    accepted = accepted + 1
  elseif status == 503 then
    refused = refused + 1
  else
    failed = failed + 1
  end
end

function done(summary, latency)
  local found = { accepted = 0, refused = 0, failed = 0 }
  for _, thread in ipairs(threads) do
    for name in pairs(found) do
      found[name] = found[name] + thread:get(name)
    end
  end
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format(
    '\n{"seconds": %f, "accepted": %d, "refused": %d, "failed": %d, "broken": %d, "p50_ms": %f, "p99_ms": %f}\n',
    summary.duration / 1e6, found.accepted, found.refused, found.failed, broken,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
