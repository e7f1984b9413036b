using System.Buffers.Text;
using System.Runtime.Serialization;
using System.Text.Json;
using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>What the project relies on in Azure.Data.Tables, shown against the emulator: it holds for the released package and for its stand-in.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class TableClientTests(Azurite azurite) : IAsyncLifetime
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, 123, TimeSpan.Zero);

    private readonly TableClient _table = Table(azurite);

    public enum Colour
    {
        None,
        Red,
        Green,
    }

    public async Task InitializeAsync() => await _table.CreateIfNotExistsAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Creating_a_table_that_exists_is_no_failure()
    {
        var again = await _table.CreateIfNotExistsAsync();

        Assert.Equal(_table.Name, again.Value.Name);
        Assert.Equal(409, again.GetRawResponse().Status);
    }

    [Fact]
    public async Task Creating_a_table_twenty_times_at_once_is_no_failure()
    {
        var table = Table(azurite);

        var created = await AtOnce(20, async _ => (await table.CreateIfNotExistsAsync()).GetRawResponse().Status);

        Assert.Single(created, status => status != 409);
    }

    [Fact]
    public async Task Insert_answers_204_with_the_etag_in_the_header_and_leaves_the_entity_alone()
    {
        var row = new Row();

        var added = await _table.AddEntityAsync(row);

        Assert.Equal(204, added.Status);
        Assert.NotNull(added.Headers.ETag);
        Assert.Equal(default, row.ETag);
    }

    [Fact]
    public async Task The_etag_of_an_insert_is_the_one_that_is_read()
    {
        var added = await _table.AddEntityAsync(new Row());

        Assert.Equal(added.Headers.ETag, (await Read()).ETag);
    }

    [Fact]
    public async Task Insert_of_a_key_that_exists_is_refused_with_409()
    {
        await _table.AddEntityAsync(new Row { Text = "first" });

        await Refused(409, TableErrorCode.EntityAlreadyExists, () => _table.AddEntityAsync(new Row { Text = "second" }));

        Assert.Equal("first", (await Read()).Text);
    }

    [Fact]
    public async Task Of_twenty_inserts_of_one_key_at_once_one_wins()
    {
        var statuses = await AtOnce(20, i => StatusOf(() => _table.AddEntityAsync(new Row { Number = i })));

        Assert.Single(statuses, 204);
        Assert.Equal(19, statuses.Count(status => status == 409));
    }

    [Fact]
    public async Task Get_of_a_missing_row_has_no_value()
    {
        var missing = await _table.GetEntityIfExistsAsync<Row>("p", "r");

        Assert.False(missing.HasValue);
        Assert.Equal(404, missing.GetRawResponse().Status);
    }

    [Fact]
    public async Task Get_from_a_missing_table_has_no_value()
    {
        var missing = await Table(azurite).GetEntityIfExistsAsync<Row>("p", "r");

        Assert.False(missing.HasValue);
        Assert.Equal(404, missing.GetRawResponse().Status);
    }

    [Fact]
    public async Task Get_can_select_properties()
    {
        await _table.AddEntityAsync(new Row { Text = "text", Number = 1 });

        var row = (await _table.GetEntityIfExistsAsync<Row>("p", "r", [nameof(Row.Number)])).Value!;

        Assert.Equal((null, 1), (row.Text, row.Number));
    }

    [Fact]
    public async Task Insert_into_a_missing_table_is_refused_with_404()
    {
        var table = Table(azurite);

        await Refused(404, TableErrorCode.TableNotFound, () => table.AddEntityAsync(new Row()));
    }

    [Theory]
    [InlineData(TableUpdateMode.Merge)]
    [InlineData(TableUpdateMode.Replace)]
    public async Task Update_with_the_right_etag_is_answered_with_the_next_one(TableUpdateMode mode)
    {
        var first = (await _table.AddEntityAsync(new Row())).Headers.ETag!.Value;

        var updated = await _table.UpdateEntityAsync(new Row { Text = "new" }, first, mode);

        Assert.Equal(204, updated.Status);
        Assert.NotEqual(first, updated.Headers.ETag);
        var row = await Read();
        Assert.Equal(("new", updated.Headers.ETag), (row.Text, row.ETag));
    }

    [Theory]
    [InlineData(TableUpdateMode.Merge)]
    [InlineData(TableUpdateMode.Replace)]
    public async Task Update_with_a_stale_etag_is_refused_with_412(TableUpdateMode mode)
    {
        var stale = await StaleETag();

        await Refused(412, TableErrorCode.UpdateConditionNotSatisfied, () => _table.UpdateEntityAsync(new Row { Text = "late" }, stale, mode));

        Assert.Equal("newer", (await Read()).Text);
    }

    [Fact]
    public async Task Of_twenty_updates_with_one_etag_at_once_one_wins()
    {
        var etag = (await _table.AddEntityAsync(new Row())).Headers.ETag!.Value;

        var statuses = await AtOnce(20, i => StatusOf(() => _table.UpdateEntityAsync(new Row { Number = i }, etag, TableUpdateMode.Replace)));

        Assert.Single(statuses, 204);
        Assert.Equal(19, statuses.Count(status => status == 412));
    }

    [Theory]
    [InlineData(TableUpdateMode.Merge)]
    [InlineData(TableUpdateMode.Replace)]
    public async Task Update_of_a_missing_row_is_refused_with_404(TableUpdateMode mode) =>
        await Refused(404, TableErrorCode.ResourceNotFound, () => _table.UpdateEntityAsync(new Row(), ETag.All, mode));

    [Fact]
    public async Task Update_with_the_default_etag_is_an_argument_error() =>
        await Assert.ThrowsAsync<ArgumentException>(() => _table.UpdateEntityAsync(new Row(), default));

    [Fact]
    public async Task Update_with_any_etag_overwrites()
    {
        await StaleETag();

        await _table.UpdateEntityAsync(new Row { Text = "last" }, ETag.All);

        Assert.Equal("last", (await Read()).Text);
    }

    [Fact]
    public async Task Merge_keeps_what_the_entity_lacks_and_replace_drops_it()
    {
        await _table.AddEntityAsync(new TableEntity("p", "r") { ["Kept"] = "a", ["Set"] = "b" });

        await _table.UpdateEntityAsync(new TableEntity("p", "r") { ["Set"] = "merged" }, ETag.All, TableUpdateMode.Merge);
        var merged = await ReadProperties();
        await _table.UpdateEntityAsync(new TableEntity("p", "r") { ["Set"] = "replaced" }, ETag.All, TableUpdateMode.Replace);
        var replaced = await ReadProperties();

        Assert.Equal(("a", "merged"), (merged.GetString("Kept"), merged.GetString("Set")));
        Assert.Equal((null, "replaced"), (replaced.GetString("Kept"), replaced.GetString("Set")));
    }

    [Fact]
    public async Task Replace_with_a_null_property_empties_it()
    {
        await _table.AddEntityAsync(new Row { Text = "text", MaybeBig = 1 });

        await _table.UpdateEntityAsync(new Row(), ETag.All, TableUpdateMode.Replace);

        var row = await Read();
        Assert.Equal((null, null), (row.Text, row.MaybeBig));
    }

    [Fact]
    public async Task Delete_of_a_missing_row_is_answered_with_404_and_no_exception() =>
        Assert.Equal(404, (await _table.DeleteEntityAsync("p", "r")).Status);

    [Fact]
    public async Task Delete_with_a_stale_etag_is_refused_with_412()
    {
        var stale = await StaleETag();

        await Refused(412, TableErrorCode.UpdateConditionNotSatisfied, () => _table.DeleteEntityAsync("p", "r", stale));
    }

    [Fact]
    public async Task Delete_without_an_etag_deletes_whatever_is_there()
    {
        await StaleETag();

        var deleted = await _table.DeleteEntityAsync("p", "r");

        Assert.Equal(204, deleted.Status);
        Assert.False((await _table.GetEntityIfExistsAsync<Row>("p", "r")).HasValue);
    }

    [Fact]
    public async Task Every_type_of_property_survives_the_round_trip()
    {
        var written = new Row
        {
            Text = "企业微信 \"quoted\" \\ 😀\n",
            Number = int.MinValue,
            Big = long.MaxValue,
            Bool = true,
            Ratio = 0.1,
            At = Noon.AddTicks(1),
            Utc = Noon.UtcDateTime,
            Id = Guid.Parse("0a1b2c3d-0000-4000-8000-00000000000f"),
            Bytes = [0, 1, 254, 255],
            Data = BinaryData.FromBytes(new byte[] { 255, 0 }),
            Colour = Colour.Green,
            Renamed = "renamed",
        };

        await _table.AddEntityAsync(written);

        var read = await Read();
        Assert.Equal(
            (written.Text, written.Number, written.Big, written.Bool, written.Ratio, written.At, written.Utc, written.Id, written.Colour),
            (read.Text, read.Number, read.Big, read.Bool, read.Ratio, read.At, read.Utc, read.Id, read.Colour));
        Assert.Equal(DateTimeKind.Utc, read.Utc.Kind);
        Assert.Equal(written.Bytes, read.Bytes);
        Assert.Equal(written.Data.ToArray(), read.Data!.ToArray());
        Assert.Equal(written.Renamed, read.Renamed);
    }

    [Fact]
    public async Task Every_type_of_nullable_property_survives_the_round_trip()
    {
        var written = new Row
        {
            MaybeNumber = 0,
            MaybeBig = -1,
            MaybeBool = false,
            MaybeRatio = 2,
            MaybeAt = Noon,
            MaybeUtc = Noon.UtcDateTime,
            MaybeId = Guid.Empty,
            MaybeColour = Colour.None,
        };

        await _table.AddEntityAsync(written);

        var read = await Read();
        Assert.Equal(
            (written.MaybeNumber, written.MaybeBig, written.MaybeBool, written.MaybeRatio, written.MaybeAt, written.MaybeUtc, written.MaybeId, written.MaybeColour),
            (read.MaybeNumber, read.MaybeBig, read.MaybeBool, read.MaybeRatio, read.MaybeAt, read.MaybeUtc, read.MaybeId, read.MaybeColour));
    }

    [Fact]
    public async Task A_time_with_an_offset_comes_back_as_the_same_instant_in_utc()
    {
        await _table.AddEntityAsync(new Row { At = Noon.ToOffset(TimeSpan.FromHours(8)) });

        var at = (await Read()).At;

        Assert.Equal((Noon, TimeSpan.Zero), (at, at.Offset));
    }

    [Fact]
    public async Task Defaults_are_stored_and_nulls_are_not()
    {
        await _table.AddEntityAsync(new Row());

        var properties = await ReadProperties();

        Assert.Equal(0, properties.GetInt32(nameof(Row.Number)));
        Assert.Equal(0L, properties.GetInt64(nameof(Row.Big)));
        Assert.Equal(false, properties.GetBoolean(nameof(Row.Bool)));
        Assert.Equal(Guid.Empty, properties.GetGuid(nameof(Row.Id)));
        Assert.Equal(nameof(Colour.None), properties.GetString(nameof(Row.Colour)));
        Assert.DoesNotContain(nameof(Row.Text), properties.Keys);
        Assert.DoesNotContain(nameof(Row.Bytes), properties.Keys);
        Assert.DoesNotContain(nameof(Row.MaybeBig), properties.Keys);
    }

    [Fact]
    public async Task A_property_marked_to_be_ignored_is_not_stored_and_a_renamed_one_has_its_new_name()
    {
        await _table.AddEntityAsync(new Row { Ignored = "ignored", Renamed = "renamed" });

        var properties = await ReadProperties();

        Assert.DoesNotContain(nameof(Row.Ignored), properties.Keys);
        Assert.DoesNotContain(nameof(Row.Renamed), properties.Keys);
        Assert.Equal("renamed", properties.GetString("new_name"));
    }

    [Fact]
    public async Task A_property_that_the_row_lacks_keeps_its_initial_value()
    {
        await _table.AddEntityAsync(new TableEntity("p", "r"));

        Assert.Equal(Colour.Red, (await Read()).Initially);
    }

    [Fact]
    public async Task The_timestamp_is_the_services_own()
    {
        await _table.AddEntityAsync(new Row { Timestamp = DateTimeOffset.UnixEpoch });

        Assert.InRange((await Read()).Timestamp!.Value, DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow.AddMinutes(1));
    }

    [Fact]
    public async Task An_entity_of_loose_properties_has_their_types()
    {
        await _table.AddEntityAsync(new TableEntity("p", "r")
        {
            ["Long"] = 1L,
            ["Int"] = 2,
            ["Double"] = 0.5,
            ["Bool"] = true,
            ["At"] = Noon,
            ["Guid"] = Guid.Empty,
            ["Bytes"] = new byte[] { 1 },
        });

        var read = await ReadProperties();

        Assert.Equal(("p", "r", 1L, 2, 0.5), (read.PartitionKey, read.RowKey, read.GetInt64("Long"), read.GetInt32("Int"), read.GetDouble("Double")));
        Assert.Equal((true, Noon, Guid.Empty), (read.GetBoolean("Bool"), read.GetDateTimeOffset("At"), read.GetGuid("Guid")));
        Assert.Equal([1], read.GetBinary("Bytes"));
        Assert.NotEqual(default, read.ETag);
        Assert.NotNull(read.Timestamp);
    }

    [Theory]
    [InlineData("ww 1", "it's")]
    [InlineData("企业", "a+b&c=d")]
    [InlineData("100%", "(x,y)")]
    public async Task A_key_with_signs_that_mean_something_elsewhere_is_found_again(string partitionKey, string rowKey)
    {
        var etag = (await _table.AddEntityAsync(new Row { PartitionKey = partitionKey, RowKey = rowKey })).Headers.ETag!.Value;
        await _table.UpdateEntityAsync(new Row { PartitionKey = partitionKey, RowKey = rowKey, Text = "new" }, etag);

        var row = (await _table.GetEntityIfExistsAsync<Row>(partitionKey, rowKey)).Value!;

        Assert.Equal((partitionKey, rowKey, "new"), (row.PartitionKey, row.RowKey, row.Text));
        Assert.Equal(204, (await _table.DeleteEntityAsync(partitionKey, rowKey, row.ETag)).Status);
    }

    [Theory]
    [InlineData("a/b")]
    [InlineData("a\\b")]
    [InlineData("a#b")]
    [InlineData("a?b")]
    [InlineData("a\tb")]
    public async Task A_key_with_a_forbidden_sign_is_refused_with_400(string key) =>
        Assert.Equal(400, await StatusOf(() => _table.AddEntityAsync(new Row { RowKey = key })));

    [Fact]
    public async Task A_property_of_64_KiB_is_stored_and_a_longer_one_refused_with_400()
    {
        const int longest = 32 * 1024;
        await _table.AddEntityAsync(new Row { Text = new string('x', longest) });

        await Refused(
            400,
            TableErrorCode.PropertyValueTooLarge,
            () => _table.UpdateEntityAsync(new Row { Text = new string('x', longest + 1) }, ETag.All));
    }

    [Fact]
    public async Task A_wrong_key_is_refused_with_403_and_shown_to_nobody()
    {
        var wrong = Convert.ToBase64String("not the key of the emulator"u8);
        var table = new TableClient($"AccountName=devstoreaccount1;AccountKey={wrong};TableEndpoint={azurite.Endpoint}", "anything");

        var refused = await Assert.ThrowsAsync<RequestFailedException>(() => table.AddEntityAsync(new Row()));

        Assert.Equal(403, refused.Status);
        Assert.DoesNotContain(wrong, refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_call_that_is_given_up_ends_at_once_though_the_service_hangs()
    {
        await azurite.FreezeAsync();
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));

            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _table.GetEntityIfExistsAsync<Row>("p", "r", cancellationToken: limit.Token));
        }
        finally
        {
            await azurite.ResumeAsync();
        }

        Assert.False((await _table.GetEntityIfExistsAsync<Row>("p", "r")).HasValue);
    }

    [Fact]
    public async Task A_service_that_is_down_shows_as_a_failed_request_without_a_status()
    {
        await azurite.StopAsync();
        try
        {
            var down = await Assert.ThrowsAsync<RequestFailedException>(() => _table.AddEntityAsync(new Row()));

            Assert.Equal((0, null), (down.Status, down.ErrorCode));
        }
        finally
        {
            await azurite.StartAsync();
        }
    }

    [Fact]
    public async Task A_failed_connection_is_tried_again_as_often_as_the_options_say()
    {
        await azurite.StopAsync();
        try
        {
            var table = new TableClient(azurite.ConnectionString, _table.Name, new() { Retry = { MaxRetries = 2, Delay = TimeSpan.FromMilliseconds(1) } });

            var down = await Assert.ThrowsAsync<AggregateException>(() => table.AddEntityAsync(new Row()));

            Assert.Equal(3, down.InnerExceptions.Count);
        }
        finally
        {
            await azurite.StartAsync();
        }
    }

    private static TableClient Table(Azurite azurite) => new(azurite.ConnectionString, "t" + Guid.NewGuid().ToString("N"), new() { Retry = { MaxRetries = 0 } });

    private static async Task<T[]> AtOnce<T>(int count, Func<int, Task<T>> action) =>
        await Task.WhenAll(Enumerable.Range(0, count).Select(i => Task.Run(() => action(i))));

    private static async Task<int> StatusOf(Func<Task<Response>> call)
    {
        try
        {
            return (await call()).Status;
        }
        catch (RequestFailedException e)
        {
            return e.Status;
        }
    }

    private static async Task Refused(int status, TableErrorCode code, Func<Task<Response>> call)
    {
        var refused = await Assert.ThrowsAsync<RequestFailedException>(call);

        Assert.Equal((status, code.ToString()), (refused.Status, refused.ErrorCode));
    }

    private async Task<Row> Read() => (await _table.GetEntityIfExistsAsync<Row>("p", "r")).Value!;

    private async Task<TableEntity> ReadProperties() => (await _table.GetEntityIfExistsAsync<TableEntity>("p", "r")).Value!;

    private async Task<ETag> StaleETag()
    {
        var etag = (await _table.AddEntityAsync(new Row())).Headers.ETag!.Value;
        await _table.UpdateEntityAsync(new Row { Text = "newer" }, etag);
        return etag;
    }

    public sealed class Row : ITableEntity
    {
        public string PartitionKey { get; set; } = "p";

        public string RowKey { get; set; } = "r";

        public DateTimeOffset? Timestamp { get; set; }

        public ETag ETag { get; set; }

        public string? Text { get; set; }

        public int Number { get; set; }

        public long Big { get; set; }

        public bool Bool { get; set; }

        public double Ratio { get; set; }

        // The service knows no time before 1601, so the default of the type will not do.
        public DateTimeOffset At { get; set; } = Noon;

        public DateTime Utc { get; set; } = Noon.UtcDateTime;

        public Guid Id { get; set; }

        public byte[]? Bytes { get; set; }

        public BinaryData? Data { get; set; }

        public Colour Colour { get; set; }

        public Colour Initially { get; set; } = Colour.Red;

        public int? MaybeNumber { get; set; }

        public long? MaybeBig { get; set; }

        public bool? MaybeBool { get; set; }

        public double? MaybeRatio { get; set; }

        public DateTimeOffset? MaybeAt { get; set; }

        public DateTime? MaybeUtc { get; set; }

        public Guid? MaybeId { get; set; }

        public Colour? MaybeColour { get; set; }

        [IgnoreDataMember]
        public string? Ignored { get; set; }

        [DataMember(Name = "new_name")]
        public string? Renamed { get; set; }
    }
}

/// <summary>The same client with a token in place of a key.</summary>
public sealed class TableClientTokenTests : IAsyncLifetime
{
    private readonly Azurite _azurite = Azurite.WithBearerTokens();
    private readonly List<string> _scopes = [];

    public Task InitializeAsync() => _azurite.InitializeAsync();

    public Task DisposeAsync() => _azurite.DisposeAsync();

    [Fact]
    public async Task A_token_for_storage_opens_the_table()
    {
        var table = Table(audience: "https://storage.azure.com");

        await table.CreateIfNotExistsAsync();
        var added = await table.AddEntityAsync(new TableEntity("p", "r"));

        Assert.Equal(204, added.Status);
        Assert.True((await table.GetEntityIfExistsAsync<TableEntity>("p", "r")).HasValue);
        Assert.Equal("https://storage.azure.com/.default", _scopes.Distinct().Single());
    }

    [Fact]
    public async Task A_token_for_something_else_is_refused_with_403_and_shown_to_nobody()
    {
        var table = Table(audience: "https://vault.azure.net");

        var refused = await Assert.ThrowsAsync<RequestFailedException>(() => table.AddEntityAsync(new TableEntity("p", "r")));

        Assert.Equal(403, refused.Status);
        Assert.DoesNotContain(Token("https://vault.azure.net"), refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task In_azure_china_the_token_is_asked_for_there()
    {
        var table = Table(audience: "https://storage.azure.com", TableAudience.AzureChina);

        await table.CreateIfNotExistsAsync();

        Assert.Equal("https://storage.azure.cn/.default", _scopes.Distinct().Single());
    }

    private static string Token(string audience)
    {
        static string Part(object part) => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(part));
        var today = new DateTimeOffset(DateTimeOffset.UtcNow.Date, TimeSpan.Zero);
        var claims = new
        {
            aud = audience,
            iss = "https://sts.windows.net/00000000-0000-0000-0000-000000000000/",
            iat = today.AddDays(-1).ToUnixTimeSeconds(),
            nbf = today.AddDays(-1).ToUnixTimeSeconds(),
            exp = today.AddDays(2).ToUnixTimeSeconds(),
        };
        return $"{Part(new { alg = "none", typ = "JWT" })}.{Part(claims)}.none";
    }

    private TableClient Table(string audience, TableAudience? cloud = null)
    {
        var credential = DelegatedTokenCredential.Create((request, _) =>
        {
            _scopes.AddRange(request.Scopes);
            return new AccessToken(Token(audience), DateTimeOffset.UtcNow.AddHours(1));
        });
        var options = new TableClientOptions
        {
            Audience = cloud,
            Retry = { MaxRetries = 0 },
            Transport = new HttpClientTransport(_azurite.CreateTrustingHandler()),
        };
        return new(_azurite.Endpoint, "tokens", credential, options);
    }
}
