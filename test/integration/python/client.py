"""What grpcurl does by hand, by a client that was generated from the proto.

Prints one JSON object: what came of each call. CURFEW_TARGET and CURFEW_SERVICE_KEY say where and by
which key (scopes validate and admin); LOGIN and PASSWORD who signs in.
"""

import json
import os
import queue
import threading

import grpc
from curfew.v1 import audit_event_pb2, auth_service_pb2, auth_service_pb2_grpc
from curfew.v1 import session_admin_pb2, session_admin_pb2_grpc, session_pb2
from curfew.v1 import user_admin_pb2, user_admin_pb2_grpc, user_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from google.rpc import error_details_pb2, status_pb2

DEADLINE = 20
LOGIN, PASSWORD = os.environ["LOGIN"], os.environ["PASSWORD"]
SERVICE = [("authorization", "Bearer " + os.environ["CURFEW_SERVICE_KEY"])]

channel = grpc.insecure_channel(os.environ["CURFEW_TARGET"])
auth = auth_service_pb2_grpc.AuthServiceStub(channel)
sessions = session_admin_pb2_grpc.SessionAdminStub(channel)
users = user_admin_pb2_grpc.UserAdminStub(channel)
seen = {}


def bearer(token):
    return [("authorization", "Bearer " + token)]


def login(username=LOGIN, password=PASSWORD, **more):
    request = auth_service_pb2.LoginRequest(username=username, password=password, **more)
    return auth.Login(request, timeout=DEADLINE)


def validate(token):
    request = auth_service_pb2.ValidateTokenRequest(access_token=token)
    return auth.ValidateToken(request, metadata=SERVICE, timeout=DEADLINE)


def details_of(status):
    """The details of a google.rpc.Status, by the name of their type."""
    found = {}
    for detail in status.details:
        for kind in (error_details_pb2.ErrorInfo, error_details_pb2.LocalizedMessage):
            message = kind()
            if detail.Unpack(message):
                found[kind.__name__] = message
    return found


def refusal_of(call):
    """The code, reason, text and end reason of a call that is refused."""
    try:
        call()
    except grpc.RpcError as error:
        encoded = dict(error.trailing_metadata())["grpc-status-details-bin"]
        details = details_of(status_pb2.Status.FromString(encoded))
        info, text = details["ErrorInfo"], details["LocalizedMessage"]
        return [error.code().name, info.reason, text.message, info.metadata.get("end_reason", "")]
    return None


def follow(stream):
    """What a stream brings, in a queue."""
    messages = queue.Queue()

    def read():
        try:
            for message in stream:
                messages.put(message)
        except grpc.RpcError as error:
            messages.put(error)

    threading.Thread(target=read, daemon=True).start()
    return messages


def first(messages, matches):
    while True:
        message = messages.get(timeout=DEADLINE)
        if isinstance(message, grpc.RpcError):
            raise message
        if matches(message):
            return message


# Two devices; what the user sees of them.
phone, laptop = login(device_name="phone"), login(device_name="laptop")
mine = bearer(laptop.access_token)
profile = auth.GetProfile(auth_service_pb2.GetProfileRequest(), metadata=mine, timeout=DEADLINE)
seen["profile"] = profile.user.username
listed = auth.ListMySessions(
    auth_service_pb2.ListMySessionsRequest(), metadata=mine, timeout=DEADLINE
)
seen["devices"] = sorted([session.device, session.current] for session in listed.sessions)
recorded = auth.RecordActivity(
    auth_service_pb2.RecordActivityRequest(), metadata=mine, timeout=DEADLINE
)
seen["recorded"] = recorded.recorded
seen["keys"] = [
    key.alg for key in auth.GetJwks(auth_service_pb2.GetJwksRequest(), timeout=DEADLINE).keys
]

# One token, many tokens, a stream of them.
seen["valid"] = validate(laptop.access_token).username
questions = [
    auth_service_pb2.ValidateTokenRequest(access_token=token)
    for token in (phone.access_token, "no token", laptop.access_token)
]
batch = auth.ValidateTokens(
    auth_service_pb2.ValidateTokensRequest(requests=questions), metadata=SERVICE, timeout=DEADLINE
)
seen["batch"] = [
    result.token.username
    if result.WhichOneof("result") == "token"
    else details_of(result.error)["ErrorInfo"].reason
    for result in batch.results
]
stream = auth.StreamValidateTokens(
    iter(
        auth_service_pb2.StreamValidateTokensRequest(request_id=name, access_token=token)
        for name, token in (("a", phone.access_token), ("b", "no token"))
    ),
    metadata=SERVICE,
    timeout=DEADLINE,
)
seen["stream"] = {answer.request_id: answer.WhichOneof("result") for answer in stream}

# A refresh whose answer was lost is given again.
refresh = auth_service_pb2.RefreshTokensRequest(refresh_token=phone.refresh_token)
renewed = auth.RefreshTokens(refresh, timeout=DEADLINE)
again = auth.RefreshTokens(refresh, timeout=DEADLINE)
seen["refresh"] = [
    renewed.refresh_token != phone.refresh_token,
    renewed.refresh_token == again.refresh_token,
]

# An administrator ends a session, while others watch.
watch = auth.WatchRevocations(auth_service_pb2.WatchRevocationsRequest(), metadata=SERVICE)
revocations = follow(watch)
first(revocations, lambda message: message.HasField("watermark"))
active = sessions.GetActiveSessions(
    session_admin_pb2.GetActiveSessionsRequest(user_id=profile.user.user_id),
    metadata=SERVICE,
    timeout=DEADLINE,
)
seen["active"] = active.active_sessions
revoked = sessions.RevokeSession(
    session_admin_pb2.RevokeSessionRequest(session_id=phone.session.session_id, note="lost"),
    metadata=SERVICE,
    timeout=DEADLINE,
)
told = first(revocations, lambda message: message.HasField("revocation")).revocation
watch.cancel()
seen["told"] = [
    told.revision == revoked.revision,
    told.session_id == phone.session.session_id,
    session_pb2.EndReason.Value.Name(told.reason),
]
seen["ended"] = refusal_of(lambda: validate(renewed.access_token))
explained = sessions.ExplainToken(
    session_admin_pb2.ExplainTokenRequest(access_token=renewed.access_token),
    metadata=SERVICE,
    timeout=DEADLINE,
)
seen["explained"] = [explained.verdict, session_pb2.Session.State.Name(explained.session.state)]

# The events of that, and again from where a watch was cut off.
TYPES = [audit_event_pb2.AuditEvent.USER_CREATED, audit_event_pb2.AuditEvent.USER_UPDATED]


def events_after(cursor):
    request = session_admin_pb2.WatchSessionEventsRequest(types=TYPES, after_cursor=cursor)
    call = sessions.WatchSessionEvents(request, metadata=SERVICE)
    return call, follow(call)


def create_user(name):
    request = user_admin_pb2.CreateUserRequest(username=name, password=PASSWORD)
    return users.CreateUser(request, metadata=SERVICE, timeout=DEADLINE).user


# From now on: that begins a moment after the call, so several users are made until one is told of.
call, events = events_after("")
names, made = {}, None
while made is None:
    user = create_user("%s-%d" % (LOGIN, len(names)))
    names[user.user_id] = user.username
    try:
        made = events.get(timeout=1).event
    except queue.Empty:
        assert len(names) < DEADLINE, "the watch tells of nobody"
call.cancel()
users.UpdateUser(
    user_admin_pb2.UpdateUserRequest(
        user=user_pb2.User(user_id=made.user_id, is_active=False),
        update_mask=FieldMask(paths=["is_active"]),
    ),
    metadata=SERVICE,
    timeout=DEADLINE,
)
call, events = events_after(made.cursor)
changed = first(
    events, lambda message: message.event.type == audit_event_pb2.AuditEvent.USER_UPDATED
).event
call.cancel()
seen["events"] = [audit_event_pb2.AuditEvent.Type.Name(event.type) for event in (made, changed)]
seen["inactive"] = refusal_of(lambda: login(names[made.user_id], language="de"))

# Logging out twice is once; afterwards the token is dead.
goodbye = auth_service_pb2.LogoutRequest(access_token=laptop.access_token)
revisions = {auth.Logout(goodbye, timeout=DEADLINE).revision for _ in range(2)}
seen["logout"] = len(revisions)
seen["after"] = refusal_of(lambda: validate(laptop.access_token))
seen["no_key"] = refusal_of(
    lambda: sessions.ListSessions(session_admin_pb2.ListSessionsRequest(), timeout=DEADLINE)
)

print(json.dumps(seen))
