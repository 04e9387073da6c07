"""Races get ids. What was kept of them before was made again for every engine, and told no lanes: it goes."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('simweb', '0002_machines'),
    ]

    operations = [
        migrations.DeleteModel(name='Race'),
        migrations.CreateModel(
            name='Race',
            fields=[
                ('id', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('scenarios', models.JSONField(help_text='their ids, in the order of the lanes')),
                ('start', models.CharField(max_length=16)),
                ('engine', models.CharField(blank=True, max_length=32)),
                ('ledger', models.CharField(blank=True, max_length=32)),
                ('result', models.JSONField(null=True)),
                ('created', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ('-created',),
            },
        ),
    ]
