"""Prints the data of genai-prices as JSON: prices as decimal text, so that no float touches them."""

import dataclasses
import json
import sys

from genai_prices.data import providers


def clause(match):
    if match is None:
        return None
    for field in dataclasses.fields(match):
        value = getattr(match, field.name)
        if isinstance(value, list):
            value = [clause(part) for part in value]
        return {field.name.rstrip("_"): value}


def price(value):
    if hasattr(value, "tiers"):
        tiers = [{"start": tier.start, "price": str(tier.price)} for tier in value.tiers]
        return {"base": str(value.base), "tiers": tiers}
    return str(value)


def rates(prices):
    return {key: price(value) for key, value in vars(prices).items() if value is not None}


def constraint(value):
    if value is None:
        return None
    return {field.name: getattr(value, field.name).isoformat() for field in dataclasses.fields(value)}


def prices_of(model):
    if not isinstance(model.prices, list):
        return rates(model.prices)
    return [{"constraint": constraint(entry.constraint), "prices": rates(entry.prices)} for entry in model.prices]


def variant(entry):
    return {"when": entry.when, "constraint": constraint(entry.constraint), "prices": rates(entry.prices)}


dump = [
    {
        "id": provider.id,
        "fallback": provider.fallback_model_providers,
        "models": [
            {
                "id": model.id,
                "match": clause(model.match),
                "prices": prices_of(model),
                "variants": [variant(entry) for entry in model.price_variants or ()],
            }
            for model in provider.models
        ],
    }
    for provider in providers
]
json.dump(dump, sys.stdout)
