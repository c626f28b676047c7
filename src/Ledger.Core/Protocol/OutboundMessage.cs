namespace Ledger.Core;

/// <summary>What leaves an account: an answer to a caller, a message to another account, or a question to the
/// journal.</summary>
/// <param name="ReplyTo">Who is answered.</param>
/// <param name="Answer">The answer; null for none.</param>
/// <param name="To">The other account.</param>
/// <param name="Message">The message to it; null for none.</param>
/// <param name="Lookup">The question; null for none.</param>
internal readonly record struct OutboundMessage(
    ReplyTarget ReplyTo, AccountResponse? Answer, AccountAddress To, AccountMessage? Message, IdLookup? Lookup = null)
{
    /// <summary>Makes an answer to a caller.</summary>
    /// <param name="caller">Who is answered.</param>
    /// <param name="answer">The answer.</param>
    public static OutboundMessage Of(ReplyTarget caller, AccountResponse answer) => new(caller, answer, default, null);

    /// <summary>Makes a message to another account.</summary>
    /// <param name="to">The account.</param>
    /// <param name="message">The message.</param>
    public static OutboundMessage Of(AccountAddress to, AccountMessage message) => new(default, null, to, message);
}
