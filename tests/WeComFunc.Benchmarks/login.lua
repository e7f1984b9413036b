-- Posts a code of its own with every request, as the login answers posts of one code from one exchange. With the argument "get" it just gets.
local code = os.time() * 1000000
local gets = false

function init(args)
  gets = args[1] == 'get'
end

function request()
  if gets then return wrk.format('GET') end
  code = code + 1
  return wrk.format('POST', nil, { ['Content-Type'] = 'application/json' }, string.format('{"code":"%d"}', code))
end

-- The last line: answers, seconds, p50 and p99 in milliseconds, answers other than 200 and lost connections.
function done(summary, latency)
  local errors = summary.errors
  print(string.format('%d %.6f %.4f %.4f %d', summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
