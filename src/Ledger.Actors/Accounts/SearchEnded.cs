using Akka.Actor;
using Akka.Event;
using Ledger.Core;

namespace Ledger.Actors.Accounts;

/// <summary>Told to an account: one of its searches of the journal has ended.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Asked">What it was to find out.</param>
/// <param name="Answers">The answers; null where it failed.</param>
/// <param name="Cause">Why it failed; else null.</param>
internal sealed record SearchEnded(int Kind, IdLookup[] Asked, IReadOnlyList<IdAnswer>? Answers, Exception? Cause)
    : INoSerializationVerificationNeeded, IDeadLetterSuppression;
