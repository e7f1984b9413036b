using System.Collections.Concurrent;
using System.Globalization;
using System.Reflection;
using System.Runtime.Serialization;
using System.Text.Json;
using Azure.Core;

namespace Azure.Data.Tables;

/// <summary>An entity as the Table service writes it: JSON whose less common types are named in <c>…@odata.type</c> members.</summary>
internal static class EntityJson
{
    public const string ETagName = "odata.etag";

    private const string TypeSuffix = "@odata.type";

    private static readonly ConcurrentDictionary<Type, Member[]> Members = new();

    public static RequestContent Write(ITableEntity entity)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString(nameof(ITableEntity.PartitionKey), entity.PartitionKey);
            json.WriteString(nameof(ITableEntity.RowKey), entity.RowKey);
            if (entity is IDictionary<string, object> properties)
            {
                foreach (var (name, value) in properties)
                {
                    if (name is not (nameof(ITableEntity.PartitionKey) or nameof(ITableEntity.RowKey) or nameof(ITableEntity.Timestamp) or ETagName))
                    {
                        Write(json, name, value is Enum ? throw new NotSupportedException("A TableEntity takes no enum.") : value);
                    }
                }
            }
            else
            {
                foreach (var member in MembersOf(entity.GetType()).Where(member => member.Property.CanRead))
                {
                    Write(json, member.Name, member.Property.GetValue(entity));
                }
            }

            json.WriteEndObject();
        }

        return RequestContent.Create(buffer.ToArray());
    }

    public static T Read<T>(Stream body)
        where T : class, ITableEntity
    {
        using var document = JsonDocument.Parse(body);
        var row = document.RootElement;
        var entity = Activator.CreateInstance<T>();
        if (entity is IDictionary<string, object> properties)
        {
            foreach (var property in row.EnumerateObject().Where(p => p.Name != "odata.metadata" && !p.Name.EndsWith(TypeSuffix, StringComparison.Ordinal)))
            {
                properties[property.Name] = ReadUntyped(row, property);
            }

            return entity;
        }

        foreach (var member in MembersOf(typeof(T)).Where(member => member.Property.CanWrite))
        {
            if (row.TryGetProperty(member.Name, out var value))
            {
                member.Property.SetValue(entity, Read(value, member.Property.PropertyType));
            }
        }

        if (row.TryGetProperty(nameof(ITableEntity.PartitionKey), out var partitionKey))
        {
            entity.PartitionKey = partitionKey.GetString();
        }

        if (row.TryGetProperty(nameof(ITableEntity.RowKey), out var rowKey))
        {
            entity.RowKey = rowKey.GetString();
        }

        if (row.TryGetProperty(nameof(ITableEntity.Timestamp), out var timestamp))
        {
            entity.Timestamp = Time(timestamp);
        }

        if (row.TryGetProperty(ETagName, out var etag))
        {
            entity.ETag = new ETag(etag.GetString());
        }

        return entity;
    }

    private static Member[] MembersOf(Type type) => Members.GetOrAdd(type, static type =>
    [
        .. type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(property => typeof(ITableEntity).GetProperty(property.Name) is null && !property.IsDefined(typeof(IgnoreDataMemberAttribute)))
            .Select(property => new Member(property.GetCustomAttribute<DataMemberAttribute>()?.Name ?? property.Name, property)),
    ]);

    private static void Write(Utf8JsonWriter json, string name, object value)
    {
        json.WritePropertyName(name);
        switch (value)
        {
            case null:
                json.WriteNullValue();
                break;
            case string or Enum:
                json.WriteStringValue(value.ToString());
                break;
            case int number:
                json.WriteNumberValue(number);
                break;
            case bool flag:
                json.WriteBooleanValue(flag);
                break;
            case long number:
                json.WriteStringValue(number.ToString(CultureInfo.InvariantCulture));
                json.WriteString(name + TypeSuffix, "Edm.Int64");
                break;
            case double number:
                json.WriteNumberValue(number);
                json.WriteString(name + TypeSuffix, "Edm.Double");
                break;
            case Guid guid:
                json.WriteStringValue(guid);
                json.WriteString(name + TypeSuffix, "Edm.Guid");
                break;
            case DateTimeOffset time:
                json.WriteStringValue(time.UtcDateTime.ToString("O", CultureInfo.InvariantCulture));
                json.WriteString(name + TypeSuffix, "Edm.DateTime");
                break;
            case DateTime { Kind: DateTimeKind.Utc } time:
                json.WriteStringValue(time.ToString("O", CultureInfo.InvariantCulture));
                json.WriteString(name + TypeSuffix, "Edm.DateTime");
                break;
            case DateTime:
                throw new NotSupportedException($"The DateTime in '{name}' is not UTC.");
            case byte[] bytes:
                json.WriteBase64StringValue(bytes);
                json.WriteString(name + TypeSuffix, "Edm.Binary");
                break;
            case BinaryData data:
                json.WriteBase64StringValue(data.ToMemory().Span);
                json.WriteString(name + TypeSuffix, "Edm.Binary");
                break;
            default:
                throw new NotSupportedException($"The property '{name}' is a {value.GetType()}, which the Table service does not know.");
        }
    }

    private static object Read(JsonElement value, Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        return value switch
        {
            { ValueKind: JsonValueKind.Null } => null,
            _ when type == typeof(string) => value.GetString(),
            _ when type == typeof(int) => value.GetInt32(),
            _ when type == typeof(bool) => value.GetBoolean(),
            _ when type == typeof(long) => long.Parse(value.GetString(), CultureInfo.InvariantCulture),
            _ when type == typeof(double) => Number(value),
            _ when type == typeof(Guid) => value.GetGuid(),
            _ when type == typeof(DateTimeOffset) => Time(value),
            _ when type == typeof(DateTime) => Time(value).UtcDateTime,
            _ when type == typeof(byte[]) => value.GetBytesFromBase64(),
            _ when type == typeof(BinaryData) => BinaryData.FromBytes(value.GetBytesFromBase64()),
            _ when type.IsEnum => Enum.Parse(type, value.GetString()),
            _ => throw new NotSupportedException($"A property of type {type} cannot be read."),
        };
    }

    private static object ReadUntyped(JsonElement row, JsonProperty property)
    {
        var value = property.Value;
        var type = row.TryGetProperty(property.Name + TypeSuffix, out var annotation) ? annotation.GetString() : null;
        return (type, value.ValueKind) switch
        {
            ("Edm.Binary", _) => value.GetBytesFromBase64(),
            ("Edm.DateTime", _) => Time(value),
            ("Edm.Double", _) => Number(value),
            ("Edm.Guid", _) => value.GetGuid(),
            ("Edm.Int64", _) => long.Parse(value.GetString(), CultureInfo.InvariantCulture),
            (_, JsonValueKind.String) when property.Name == nameof(ITableEntity.Timestamp) => Time(value),
            (_, JsonValueKind.String) => value.GetString(),
            (_, JsonValueKind.True or JsonValueKind.False) => value.GetBoolean(),
            (_, JsonValueKind.Number) when value.TryGetInt32(out var number) => number,
            (_, JsonValueKind.Number) => value.GetDouble(),
            _ => null,
        };
    }

    private static double Number(JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? double.Parse(value.GetString(), CultureInfo.InvariantCulture) : value.GetDouble();

    private static DateTimeOffset Time(JsonElement value) =>
        DateTimeOffset.Parse(value.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind);

    private sealed record Member(string Name, PropertyInfo Property);
}
