namespace Ledger.Actors.HoldExpiry;

/// <summary>Answers <see cref="ExpireNow"/>.</summary>
internal sealed class ExpiryDone
{
    public static readonly ExpiryDone Instance = new();
}
