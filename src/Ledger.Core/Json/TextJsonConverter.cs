using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ledger.Core.Json;

/// <summary>Writes a value as its text, also as a key: 128 bits don't fit into the numbers of JavaScript and
/// others.</summary>
/// <typeparam name="T">The type of the value.</typeparam>
internal abstract class TextJsonConverter<T> : JsonConverter<T>
    where T : struct
{
    /// <inheritdoc/>
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String
            ? Read(reader.GetString()!)
            : throw new JsonException($"{typeof(T).Name} is a text in JSON, and not {reader.TokenType}.");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
        writer.WriteStringValue(TextOf(value));

    /// <inheritdoc/>
    public override T ReadAsPropertyName(
        ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        Read(reader.GetString()!);

    /// <inheritdoc/>
    public override void WriteAsPropertyName(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
        writer.WritePropertyName(TextOf(value));

    /// <summary>Reads the text.</summary>
    protected abstract bool TryParse(string text, out T value);

    /// <summary>The text of a value, which <see cref="TryParse"/> reads.</summary>
    protected virtual string TextOf(T value) => value.ToString()!;

    private T Read(string text) =>
        TryParse(text, out var value) ? value : throw new JsonException($"'{text}' is no {typeof(T).Name}.");
}
