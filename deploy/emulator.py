"""
Starts MiniStack, the emulator of AWS, with six differences:

- KMS has ReEncrypt, which it lacks and which making a branch key needs: its own Decrypt, then its own Encrypt.
- Conditions on the encryption context of a call to KMS are decided by that context.
- Whoever assumes a role naming a second factor and its code has one, for conditions of the role: aws:MultiFactorAuthPresent.
- In templates, a reference to a secret is its ARN, as AWS has it, not its name.
- Each call that IAM decides on is written once to the file that FIXGATE_EMULATOR_CALLS names, as a line of JSON:
  who, which action, on what, whether it was allowed.
- It listens on its own port alone, not on 443 beside it.
"""

import contextvars
import dataclasses
import json
import os
from urllib.parse import parse_qs

import ministack.app as app
from ministack.core import iam_actions, iam_evaluator
from ministack.services import kms, secretsmanager, sts
from ministack.services.cloudformation import provisioners

PREFIX = "TrentService."


def with_reencrypt(original):
    async def handle_request(method, path, headers, body, query_params):
        if headers.get("x-amz-target") != PREFIX + "ReEncrypt":
            return await original(method, path, headers, body, query_params)

        async def call(operation, request):
            target = {**headers, "x-amz-target": PREFIX + operation}
            return await original(method, path, target, json.dumps(request).encode(), query_params)

        given = json.loads(body)
        source = {"CiphertextBlob": given["CiphertextBlob"], "EncryptionContext": given.get("SourceEncryptionContext", {})}
        if "SourceKeyId" in given:
            source["KeyId"] = given["SourceKeyId"]
        status, reply_headers, opened = await call("Decrypt", source)
        if status != 200:
            return status, reply_headers, opened
        opened = json.loads(opened)
        status, reply_headers, sealed = await call("Encrypt", {
            "KeyId": given["DestinationKeyId"],
            "Plaintext": opened["Plaintext"],
            "EncryptionContext": given.get("DestinationEncryptionContext", {}),
        })
        if status != 200:
            return status, reply_headers, sealed
        sealed = json.loads(sealed)
        answer = {"CiphertextBlob": sealed["CiphertextBlob"], "KeyId": sealed["KeyId"], "SourceKeyId": opened["KeyId"]}
        return status, reply_headers, json.dumps(answer).encode()

    return handle_request


def with_reencrypt_rights(original):
    """IAM has two rights where the operation is one; the other one is asked for beside it, below."""

    def extract_iam_action(*args, **kwargs):
        action = original(*args, **kwargs)
        return "kms:ReEncryptFrom" if action == "kms:ReEncrypt" else action

    return extract_iam_action


def with_encryption_context(original):
    """kms:EncryptionContext:<name> and kms:EncryptionContextKeys, which policies may be conditional on."""

    def request_tag_context(service, iam_action, body, params):
        found = original(service, iam_action, body, params)
        if service != "kms":
            return found
        context = json.loads(body or b"{}").get("EncryptionContext") or {}
        values = {f"kms:EncryptionContext:{name}": value for name, value in context.items()}
        names = {"kms:EncryptionContextKeys": list(context)} if context else {}
        return {**found, **values, **names}

    return request_tag_context


SECOND_FACTOR = contextvars.ContextVar("second_factor", default=False)


def with_second_factor(original):
    async def handle_request(method, path, headers, body, query_params):
        given = {**parse_qs((body or b"").decode("utf-8", "replace")), **query_params}
        token = SECOND_FACTOR.set("SerialNumber" in given and "TokenCode" in given)
        try:
            return await original(method, path, headers, body, query_params)
        finally:
            SECOND_FACTOR.reset(token)

    return handle_request


def knowing_second_factor(original):
    def evaluate_trust_policy(trust_doc, caller_arn, ctx=None):
        if ctx is not None and SECOND_FACTOR.get():
            ctx = dataclasses.replace(
                ctx, service_context={**ctx.service_context, "aws:multifactorauthpresent": "true"})
        return original(trust_doc, caller_arn, ctx)

    return evaluate_trust_policy


def recorded(original, path):
    seen = set()

    def enforce(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
        denied = original(access_key_id, iam_action, service, region, resource_arn=resource_arn,
                          service_context=service_context)
        who = iam_evaluator.resolve_caller_identity(access_key_id or "") or {}
        call = {"principal": who.get("userArn"), "action": iam_action, "resource": resource_arn,
                "allowed": denied is None}
        line = json.dumps(call, sort_keys=True)
        if line not in seen:
            seen.add(line)
            with open(path, "a") as file:
                file.write(line + "\n")
        if iam_action == "kms:ReEncryptFrom" and denied is None:
            # Keys are encrypted anew under themselves here: the other right is on the same key.
            return enforce(access_key_id, "kms:ReEncryptTo", service, region, resource_arn, service_context)
        return denied

    return enforce


def with_secret_arns(handlers):
    def name_of(reference):
        names = (name for name, secret in secretsmanager._secrets.items() if secret["ARN"] == reference)
        return next(names, reference)

    def create(*args):
        _, attributes = handlers["create"](*args)
        return attributes["Arn"], attributes

    def update(physical_id, *args, **kwargs):
        name, attributes = handlers["update"](name_of(physical_id), *args, **kwargs)
        return secretsmanager._secrets[name]["ARN"], attributes

    def delete(physical_id, *args):
        return handlers["delete"](name_of(physical_id), *args)

    return {**handlers, "create": create, "update": update, "delete": delete}


SECRET = "AWS::SecretsManager::Secret"
provisioners._RESOURCE_HANDLERS[SECRET] = with_secret_arns(provisioners._RESOURCE_HANDLERS[SECRET])
kms.handle_request = with_reencrypt(kms.handle_request)
sts.handle_request = with_second_factor(sts.handle_request)
iam_evaluator.evaluate_trust_policy = knowing_second_factor(iam_evaluator.evaluate_trust_policy)
iam_actions.extract_iam_action = with_reencrypt_rights(iam_actions.extract_iam_action)
iam_actions.request_tag_context = with_encryption_context(iam_actions.request_tag_context)
if os.environ.get("FIXGATE_EMULATOR_CALLS"):
    iam_evaluator.enforce = recorded(iam_evaluator.enforce, os.environ["FIXGATE_EMULATOR_CALLS"])
app._port_is_bindable = lambda *_: False

if __name__ == "__main__":
    app.main()
