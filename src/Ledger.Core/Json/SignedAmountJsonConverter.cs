namespace Ledger.Core.Json;

/// <summary>A difference of amounts as the text of its minor units, with a minus sign when negative.</summary>
internal sealed class SignedAmountJsonConverter : TextJsonConverter<SignedAmount>
{
    /// <inheritdoc/>
    protected override bool TryParse(string text, out SignedAmount value)
    {
        var isNegative = text.StartsWith('-');
        var isRead = Amount.TryParse(text.AsSpan(isNegative ? 1 : 0), out var magnitude) == AmountError.None;
        value = new SignedAmount(isNegative, magnitude);
        return isRead && !(isNegative && magnitude.IsZero);
    }
}
