"""The official SDKs of the providers, each asked as its own documentation asks it, through the proxy at the URL given.

Prints one JSON object per case: what the SDK's own objects say was used. Each case sends its name in two headers: the
replay upstream chooses its answer by the one, and the filter counts under the other (its team).
"""

import json
import os
import sys

import anthropic
import boto3
import botocore.config
import cohere
import ollama
import openai
from google import genai
from mistralai.client import Mistral

BASE = sys.argv[1]
HELLO = [{"role": "user", "content": "hello"}]
NOVA = "amazon.nova-lite-v1:0"
HAIKU = "anthropic.claude-3-5-haiku-20241022-v1:0"
# Nothing here takes long: a hang is to be told as one.
PATIENCE = 60


def headers(case):
    return {"x-replay-id": case, "x-request-id": case, "x-genops-team": case}


def used(input_tokens, output_tokens, cached=None, reasoning=None, model=None):
    """Totals as the schema means them: the whole prompt with what a cache gave, all that was generated."""
    return {"input": input_tokens, "output": output_tokens, "cached": cached, "reasoning": reasoning, "model": model}


# OpenAI


def openai_client(case):
    return openai.OpenAI(
        base_url=f"{BASE}/openai/v1", api_key="none", max_retries=0, timeout=PATIENCE, default_headers=headers(case)
    )


def chat_usage(usage, model):
    details, made = usage.prompt_tokens_details, usage.completion_tokens_details
    return used(
        usage.prompt_tokens,
        usage.completion_tokens,
        details and details.cached_tokens,
        made and made.reasoning_tokens,
        model,
    )


def openai_chat(case):
    answer = openai_client(case).chat.completions.create(model="gpt-4o-mini", messages=HELLO)
    return chat_usage(answer.usage, answer.model)


def openai_chat_stream(case):
    stream = openai_client(case).chat.completions.create(
        model="gpt-5-mini", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    last = [chunk for chunk in stream if chunk.usage][-1]
    return chat_usage(last.usage, last.model)


def responses_usage(answer):
    usage = answer.usage
    return used(
        usage.input_tokens,
        usage.output_tokens,
        usage.input_tokens_details.cached_tokens,
        usage.output_tokens_details.reasoning_tokens,
        answer.model,
    )


def openai_responses(case):
    return responses_usage(openai_client(case).responses.create(model="gpt-5-mini", input="hello"))


def openai_responses_stream(case):
    stream = openai_client(case).responses.create(model="gpt-5-mini", input="hello", stream=True)
    return responses_usage([event for event in stream if event.type == "response.completed"][-1].response)


def openai_embeddings(case):
    answer = openai_client(case).embeddings.create(
        model="text-embedding-3-small", input="hello", encoding_format="float"
    )
    return used(answer.usage.prompt_tokens, 0, model=answer.model)


def openai_left(case):
    with openai_client(case) as client:
        stream = client.chat.completions.create(
            model="gpt-4o-mini", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        last = next(chunk for chunk in stream if chunk.usage)
        stream.close()
    return chat_usage(last.usage, last.model)


# Anthropic: its input tokens leave out what a cache read or wrote.


def anthropic_client(case):
    return anthropic.Anthropic(
        base_url=f"{BASE}/anthropic", api_key="none", max_retries=0, timeout=PATIENCE, default_headers=headers(case)
    )


def anthropic_usage(message):
    usage = message.usage
    read, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    return used(usage.input_tokens + read + written, usage.output_tokens, read, model=message.model)


def anthropic_messages(case):
    message = anthropic_client(case).messages.create(model="claude-sonnet-4-5", max_tokens=500, messages=HELLO)
    return anthropic_usage(message)


def anthropic_messages_stream(case):
    with anthropic_client(case).messages.stream(model="claude-haiku-4-5", max_tokens=500, messages=HELLO) as stream:
        return anthropic_usage(stream.get_final_message())


def anthropic_left(case):
    with anthropic_client(case) as client:
        with client.messages.stream(model="claude-haiku-4-5", max_tokens=500, messages=HELLO) as stream:
            next(stream.text_stream)
            message = stream.current_message_snapshot
    return anthropic_usage(message)


# Google: thoughts are generated tokens beside the candidates'.


def google_client(case):
    options = {"base_url": f"{BASE}/google", "headers": headers(case), "timeout": PATIENCE * 1000}
    return genai.Client(api_key="none", http_options=options)


def google_usage(answer):
    usage = answer.usage_metadata
    thoughts = usage.thoughts_token_count or 0
    output = (usage.candidates_token_count or 0) + thoughts
    return used(
        usage.prompt_token_count, output, usage.cached_content_token_count, thoughts or None, answer.model_version
    )


def google_generate(case):
    client = google_client(case)
    return google_usage(client.models.generate_content(model="gemini-2.5-flash", contents="hello"))


def google_generate_stream(case):
    client = google_client(case)
    return google_usage(list(client.models.generate_content_stream(model="gemini-2.5-flash", contents="hello"))[-1])


def google_left(case):
    client = google_client(case)
    stream = client.models.generate_content_stream(model="gemini-2.5-flash", contents="hello")
    seen = google_usage(next(stream))
    stream.close()
    client.close()
    return seen


# Cohere: `tokens` is the whole prompt, `billed_units` what is paid for.


def cohere_chat_arguments(case):
    return {
        "model": "command-r-plus-08-2024",
        "messages": HELLO,
        "request_options": {"additional_headers": headers(case), "timeout_in_seconds": PATIENCE, "max_retries": 0},
    }


def cohere_client():
    return cohere.ClientV2(api_key="none", base_url=f"{BASE}/cohere")


def cohere_usage(usage):
    return used(int(usage.tokens.input_tokens), int(usage.tokens.output_tokens))


def cohere_chat(case):
    return cohere_usage(cohere_client().chat(**cohere_chat_arguments(case)).usage)


def cohere_chat_stream(case):
    events = list(cohere_client().chat_stream(**cohere_chat_arguments(case)))
    return cohere_usage(next(event for event in events if event.type == "message-end").delta.usage)


def cohere_left(case):
    stream = cohere_client().chat_stream(**cohere_chat_arguments(case))
    next(event for event in stream if event.type == "content-delta")
    stream.close()
    return used(None, None)


# Mistral


def mistral_arguments(case):
    return {
        "model": "mistral-small-latest",
        "messages": HELLO,
        "http_headers": headers(case),
        "timeout_ms": PATIENCE * 1000,
    }


def mistral_client():
    return Mistral(api_key="none", server_url=f"{BASE}/mistral")


def mistral_usage(answer):
    return used(answer.usage.prompt_tokens, answer.usage.completion_tokens, model=answer.model)


def mistral_chat(case):
    return mistral_usage(mistral_client().chat.complete(**mistral_arguments(case)))


def mistral_chat_stream(case):
    with mistral_client().chat.stream(**mistral_arguments(case)) as stream:
        return mistral_usage([event.data for event in stream if event.data.usage][-1])


def mistral_left(case):
    with mistral_client() as client, client.chat.stream(**mistral_arguments(case)) as stream:
        return mistral_usage(next(event.data for event in stream if event.data.usage))


# Amazon Bedrock


def bedrock_client(case):
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=f"{BASE}/bedrock",
        region_name="us-east-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",
        config=botocore.config.Config(
            retries={"total_max_attempts": 1}, read_timeout=PATIENCE, connect_timeout=PATIENCE
        ),
    )

    def add_headers(request, **_):
        for name, value in headers(case).items():
            request.headers[name] = value

    client.meta.events.register("before-send.bedrock-runtime", add_headers)
    return client


def converse():
    return {"modelId": NOVA, "messages": [{"role": "user", "content": [{"text": "hello"}]}]}


def converse_usage(usage):
    return used(usage["inputTokens"], usage["outputTokens"])


def bedrock_converse(case):
    return converse_usage(bedrock_client(case).converse(**converse())["usage"])


def bedrock_converse_stream(case):
    events = list(bedrock_client(case).converse_stream(**converse())["stream"])
    return converse_usage(next(event["metadata"] for event in events if "metadata" in event)["usage"])


def bedrock_invoke(case):
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 500, "messages": HELLO}
    answer = bedrock_client(case).invoke_model(modelId=HAIKU, body=json.dumps(body))
    usage = json.load(answer["body"])["usage"]
    return used(usage["input_tokens"], usage["output_tokens"])


def bedrock_left(case):
    stream = bedrock_client(case).converse_stream(**converse())["stream"]
    next(event for event in stream if "contentBlockDelta" in event)
    stream.close()
    return used(None, None)


# Ollama


def ollama_client(case):
    return ollama.Client(host=f"{BASE}/ollama", headers=headers(case), timeout=PATIENCE)


def ollama_usage(answer):
    return used(answer.prompt_eval_count, answer.eval_count, model=answer.model)


def ollama_chat(case):
    return ollama_usage(ollama_client(case).chat(model="llama3.2", messages=HELLO))


def ollama_chat_stream(case):
    return ollama_usage(list(ollama_client(case).chat(model="llama3.2", messages=HELLO, stream=True))[-1])


def ollama_left(case):
    stream = ollama_client(case).chat(model="llama3.2", messages=HELLO, stream=True)
    next(stream)
    stream.close()
    return used(None, None)


def main():
    failed = False
    for case in sys.argv[2:]:
        try:
            said = globals()[case.replace("-", "_")](case)
        except Exception as error:  # one SDK that fails must not hide what the others say
            said, failed = {"error": f"{type(error).__name__}: {error}"}, True
        print(json.dumps({"id": case, **said}), flush=True)
    sys.stdout.flush()
    # Threads and pools of the SDKs are not waited for.
    os._exit(1 if failed else 0)


main()
