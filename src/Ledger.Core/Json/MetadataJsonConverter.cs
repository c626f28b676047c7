using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ledger.Core.Json;

/// <summary>Metadata as an object of texts.</summary>
internal sealed class MetadataJsonConverter : JsonConverter<Metadata>
{
    /// <inheritdoc/>
    public override Metadata Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException($"Metadata is an object of texts in JSON, and not {reader.TokenType}.");
        }

        var pairs = new List<KeyValuePair<string, string>>();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            pairs.Add(reader.Read() && reader.TokenType == JsonTokenType.String
                ? KeyValuePair.Create(key, reader.GetString()!)
                : throw new JsonException($"The metadata '{key}' is a text in JSON, and not {reader.TokenType}."));
        }

        try
        {
            return Metadata.Of(pairs);
        }
        catch (ArgumentException e)
        {
            throw new JsonException(e.Message, e);
        }
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, Metadata value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        foreach (var (key, text) in value.Pairs)
        {
            writer.WriteString(key, text);
        }

        writer.WriteEndObject();
    }
}
