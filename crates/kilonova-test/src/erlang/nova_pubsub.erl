%% Behaves like Nova's module of this name, without Nova.
-module(nova_pubsub).
-export([start/0, join/1, leave/1, broadcast/3, get_members/1]).

start() -> pg:start(nova_scope).

join(Channel) -> pg:join(nova_scope, Channel, self()).

leave(Channel) -> pg:leave(nova_scope, Channel, self()).

get_members(Channel) -> pg:get_members(nova_scope, Channel).

broadcast(Channel, Topic, Payload) ->
    Envelope = {nova_pubsub, Channel, self(), Topic, Payload},
    [Member ! Envelope || Member <- get_members(Channel)],
    ok.
