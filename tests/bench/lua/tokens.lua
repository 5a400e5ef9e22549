-- What a gateway's owner writes in Lua to know the tokens: the model, prompt and completion tokens of OpenAI-shaped
-- traffic, as dynamic metadata. Streams, as ours does: nothing is held back, whole events are read from a stream.

local NAMESPACE = "genops.lua"

local function number(text, key)
  -- A plain search first: most events have no usage, and a pattern is dear.
  local at = string.find(text, '"' .. key .. '"', 1, true)
  return at and tonumber(string.match(text, ":%s*(%d+)", at))
end

local function model(text)
  return string.match(text, '"model"%s*:%s*"([^"]*)"')
end

local function whole(handle)
  local parts = {}
  for chunk in handle:bodyChunks() do
    parts[#parts + 1] = chunk:getBytes(0, chunk:length())
  end
  return table.concat(parts)
end

local function publish(handle, found)
  local metadata = handle:streamInfo():dynamicMetadata()
  for key, value in pairs(found) do
    metadata:set(NAMESPACE, key, value)
  end
end

local function read(text, found)
  found.model = found.model or model(text)
  found.prompt_tokens = number(text, "prompt_tokens") or found.prompt_tokens
  found.completion_tokens = number(text, "completion_tokens") or found.completion_tokens
end

function envoy_on_request(handle)
  publish(handle, { request_model = model(whole(handle)) })
end

function envoy_on_response(handle)
  local found = {}
  local kind = handle:headers():get("content-type") or ""
  if string.find(kind, "text/event-stream", 1, true) then
    local rest = ""
    for chunk in handle:bodyChunks() do
      rest = rest .. chunk:getBytes(0, chunk:length())
      local from = 1
      local stop = string.find(rest, "\n\n", from, true)
      while stop do
        read(string.sub(rest, from, stop), found)
        from = stop + 2
        stop = string.find(rest, "\n\n", from, true)
      end
      rest = string.sub(rest, from)
    end
  else
    read(whole(handle), found)
  end
  publish(handle, found)
end
