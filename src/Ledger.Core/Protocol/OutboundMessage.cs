namespace Ledger.Core;

internal readonly record struct OutboundMessage(
    ReplyTarget ReplyTo, AccountResponse? Answer, AccountAddress To, AccountMessage? Message, IdLookup? Lookup = null);
