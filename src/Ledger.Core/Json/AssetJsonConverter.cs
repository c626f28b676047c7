namespace Ledger.Core.Json;

/// <summary>An asset as its text, such as USD/2; none is empty.</summary>
internal sealed class AssetJsonConverter : TextJsonConverter<Asset>
{
    /// <inheritdoc/>
    protected override bool TryParse(string text, out Asset value) =>
        Asset.TryParse(text, out value) || text.Length == 0;
}
